"""Rows as one static page for a browser.

    rows ▶ payload (a row as data) ▶ page (one HTML file)

`page.html`, `page.css`, `palette.css` and `scripts/` are the parts of that file; the colours of `palette.css` are also
those of the strip in a notebook. Content of a dataset is never parsed as HTML: rows are compressed data that a script
turns into text nodes.
"""
