"""How far the suite can be trusted, measured over whole domains: `memgen sweep NAME` for each module here.

A module has what an experiment has: Params, grid() and cell(). The rows lie in results/NAME/paper.parquet, and `page`
turns them into a page of the book.
"""
