"""The web app of people who ship, receive and track: server-rendered, works without JavaScript."""
