"""What serves models: the `ChatModel` protocol (`base`) and its makers, one file each, found by kind (`registry`)."""
