"""What users see: the web app and the API.  Both are stateless; any instance in any region serves the next request."""
