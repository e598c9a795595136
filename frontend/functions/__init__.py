"""The array functions: Array API names, and TensorFlow's where they differ."""
