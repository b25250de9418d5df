"""Experiments rolled by the thousand: how often do the rules of decision find what is not there?"""
