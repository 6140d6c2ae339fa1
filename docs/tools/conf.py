"""What Sphinx is told; site.py runs it."""

import os

project = "scopeflow"
release = os.environ["SCOPEFLOW_VERSION"]
html_title = f"{project} {release}"
html_theme = "furo"
html_copy_source = False
extensions = ["myst_parser"]
# Links may lead to headings, as they do where the pages are read in the repository.
myst_heading_anchors = 4
