"""What exists in Azure: one file for each service, its arguments and its component side by side."""
