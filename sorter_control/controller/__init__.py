"""The controller: decides the lane of every item, tells the PLC, and keeps the record."""
