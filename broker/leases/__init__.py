"""Handing out tokens that work now, and signatures."""
