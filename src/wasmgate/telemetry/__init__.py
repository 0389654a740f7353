"""What the gateway tells about itself: its log lines, their levels, and how often they come."""
