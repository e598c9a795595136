"""What passes on graphs share as they rewrite: replacement of values, scopes of names, union-find, limits of size."""
