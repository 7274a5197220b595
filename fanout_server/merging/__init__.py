"""What git calls a conflict, merged all the same where that is safe: by syntax, and by the lists of prose."""
