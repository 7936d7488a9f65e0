"""What lies on disk: files, the repository, the queue and the artifacts."""
