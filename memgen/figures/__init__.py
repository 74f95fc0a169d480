"""The tables and figures of the chapters: one or several modules for each chapter."""
