"""What an audit and a prediction look like: as text, as JSON, as one HTML page that needs nothing else."""
