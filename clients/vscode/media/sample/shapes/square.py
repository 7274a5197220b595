from .shape import Shape


class Square(Shape):
    def __init__(self, size):
        super(Square, self).__init__("square")
        if not isinstance(size, (int, float)):
            raise TypeError("a square has a number as its size")
        self.size = size

    def label(self):
        return self.name + " " + '%s' % self.size
