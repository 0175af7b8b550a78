"""Tables of assets: CSV, TSV and XLSX → rows of text, each cell with its place."""
