"""What each report says: a headline, its definitions, charts, and the tables behind them."""
