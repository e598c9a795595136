"""Matrix products: blocks of the result in registers, packed panels of the operands, the loops around them."""
