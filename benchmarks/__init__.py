"""What the product promises about speed, measured: each says a ratio, since machines differ."""
