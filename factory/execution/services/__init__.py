"""Services: the product as it runs, beside whoever tries it as its user."""
