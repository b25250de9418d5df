"""What is looked for when a version is saved, beside what compiling finds."""
