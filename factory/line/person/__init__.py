"""What a person does to the files of the queue, whichever view they do it from."""
