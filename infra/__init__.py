"""What the lowest floor needs and no subject owns. It knows no table."""
