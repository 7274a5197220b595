from .shape import Shape


class Triangle(Shape):
    def __init__(self, size):
        super(Triangle, self).__init__("triangle")
        if not isinstance(size, (int, float)):
            raise TypeError("a triangle has a number as its size")
        self.size = size

    def label(self):
        return self.name + " " + '%s' % self.size
