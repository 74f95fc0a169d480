"""Bad input by the thousand: what is spoilt (`calls`, `files`, `commands`), how (`spoil`), what fails (`judge`)."""
