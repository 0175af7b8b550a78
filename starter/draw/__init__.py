"""A seeded procedural illustrator: subjects are lists of polygons, a style paints them on a ground."""
