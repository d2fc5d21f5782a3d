"""How fast it is: every figure a ratio to the bare parts, both measured in one run (`make bench`)."""
