from .shape import Shape


class Circle(Shape):
    def __init__(self, size):
        super(Circle, self).__init__("circle")
        if not isinstance(size, (int, float)):
            raise TypeError("a circle has a number as its size")
        self.size = size

    def label(self):
        return self.name + " " + '%s' % self.size
