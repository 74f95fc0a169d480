"""What chapter 13 draws."""
