"""Why a gradient is what it is: the way it takes through the graph, or where every way is cut."""
