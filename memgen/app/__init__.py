"""What people call: the command line, and what runs notebooks, stores their outputs and builds the book."""
