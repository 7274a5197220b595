from .shape import Shape


class Ellipse(Shape):
    def __init__(self, size):
        super(Ellipse, self).__init__("ellipse")
        if not isinstance(size, (int, float)):
            raise TypeError("a ellipse has a number as its size")
        self.size = size

    def label(self):
        return self.name + " " + '%s' % self.size
