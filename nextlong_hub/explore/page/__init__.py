"""A split made visible: one static page for a browser, and the strip that page and notebook share.

    rows ▶ payload (a row as data) ▶ page (one HTML file)
         ▶ strip   (a row as bars, as an image)

Nothing a page shows is ever parsed as HTML: rows travel compressed and become text nodes.
"""
