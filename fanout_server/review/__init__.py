"""What happens to the merged result: found, checked, and told."""
