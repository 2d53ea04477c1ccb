"""From random weights to a model: corpus, pages, recipes, stages. Blind to adapters and to evaluation."""
