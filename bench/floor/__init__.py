"""The bare parts that the platform is measured against."""
