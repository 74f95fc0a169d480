"""The book: MyST pages and executed notebooks, readable without a network."""

project = "memgen"
author = "memgen contributors"
project_copyright = "memgen contributors"

extensions = ["myst_nb", "sphinx-mathjax-offline", "sphinxcontrib.bibtex"]
myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["answers.md"]  # part of the first page
suppress_warnings = ["mystnb.unknown_mime_type"]  # the checks: for programs; readers see their text

nb_execution_mode = "off"  # `memgen run` has executed them
nb_render_markdown_format = "myst"  # tables and mathematics in what cells display
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # the default loads two scripts from the network

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "unsrt"

html_theme = "sphinx_book_theme"
html_theme_options = {"show_navbar_depth": 1, "toc_title": "On this page"}
html_title = "memgen"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_copy_source = False
html_show_sphinx = False
