"""What users may pass: data that becomes tensors, nests of them, and the errors that say what is wrong with one.

It knows no graph, and is below the other folders of the frontend.
"""
