"""Tools for whoever changes the product; no tests of their own."""
