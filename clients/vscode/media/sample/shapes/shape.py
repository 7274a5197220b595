class Shape:
    def __init__(self, name):
        super(Shape, self).__init__()
        self.name = name

    def __repr__(self):
        return '%s' % self.name
