"""What planning knows of the user's files: which there are, and what a written path means among them."""
