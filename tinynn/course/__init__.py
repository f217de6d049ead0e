"""What the chapters and the commands use around the package: nothing outside this folder imports it."""
