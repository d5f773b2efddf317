"""Tools for anyone who changes the course. The `workshop` package never imports them."""
