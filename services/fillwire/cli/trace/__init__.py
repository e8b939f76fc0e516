"""`fillwire trace`: the way of one fill, or of all that became of an order, as a waterfall."""
