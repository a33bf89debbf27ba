"""Who somebody is as a listener: features, personas, and the reasons for them."""
