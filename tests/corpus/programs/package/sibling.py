name = f"sibling of {__package__}"
