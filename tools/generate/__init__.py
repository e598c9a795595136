"""Pages and stubs made from code: `python -m pullback.tools.generate` writes all of them.

Each module makes one file, which is not edited by hand. A fact that such a page should tell belongs to the class or
function that it is about.
"""
