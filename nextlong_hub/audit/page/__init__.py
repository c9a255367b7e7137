"""What an audit finds as one static HTML file: no script, no server, no network."""
