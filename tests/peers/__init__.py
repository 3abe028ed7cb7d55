"""Other providers to test against: the product's sandbox speaks Stripe, here it is taught the others' words."""
