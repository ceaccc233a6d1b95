"""What happens when the recorder fails: the model, its environment, its binding."""
