"""A small shop: people, storage, prices, payments, parcels, a report."""
